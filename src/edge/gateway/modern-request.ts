import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { isModernVersion, MODERN_VERSIONS } from '../../core/protocol/modern/modern-version.js';
import { claimedVersion, readEnvelope, type RequestEnvelope } from '../../core/protocol/modern/request-envelope.js';
import { headerMismatch } from '../../core/protocol/modern/request-headers.js';
import { isModernMethod, type ModernMethod } from '../../core/protocol/modern/modern-methods.js';
import { readParams, type RequestParams } from '../../core/protocol/request-params.js';
import type { RpcMessage } from '../../core/protocol/rpc-message.js';

/** A request of the modern era whose envelope and headers are in order. */
export interface ModernRequest {
  readonly method: ModernMethod;
  readonly params: RequestParams;
  readonly envelope: RequestEnvelope;
}

/**
 * Which era a POST belongs to (protocol page §1.4): the modern one if its body claims a version in `_meta`, or its header
 * names a modern one. `message` is undefined for a batch.
 */
export function isModernPost(headers: IncomingHttpHeaders, message: RpcMessage | undefined): boolean {
  if (message !== undefined && claimedVersion(message.value) !== undefined) return true;
  return isModernVersion(headers['mcp-protocol-version']);
}

/**
 * Checks a request in the order the specification gives its errors: headers against body (−32020), envelope (−32602),
 * version (−32022), method (−32601). Throws what is wrong.
 */
export function readModernRequest(message: RpcMessage, headers: IncomingHttpHeaders): ModernRequest {
  const method = String(message.value['method']);
  const params = readParams(message);
  if (params === 'invalid') {
    throw new GatewayError('rpc/invalid_envelope', {
      detail: 'params must be an object without repeated members',
    });
  }
  const claimed = claimedVersion(message.value);
  const version = typeof claimed === 'string' ? claimed : undefined;
  const mismatch = headerMismatch(headers, method, version, params?.value);
  // Without a claim there is nothing to compare with: what is missing is the envelope.
  if (mismatch !== undefined && claimed !== undefined) throw headersDisagree(mismatch);
  const envelope = readEnvelope(params);
  if (params === undefined || 'problem' in envelope) {
    throw new GatewayError('rpc/invalid_envelope', {
      detail: 'problem' in envelope ? envelope.problem : 'params._meta is missing',
    });
  }
  if (!isModernVersion(envelope.protocolVersion)) {
    throw new GatewayError('rpc/unknown_version', {
      detail: envelope.protocolVersion,
      data: { supported: MODERN_VERSIONS, requested: envelope.protocolVersion },
    });
  }
  if (mismatch !== undefined) throw headersDisagree(mismatch);
  if (!isModernMethod(method)) throw new GatewayError('rpc/method_not_found', { detail: method });
  return { method, params, envelope };
}

function headersDisagree(mismatch: { readonly header: string; readonly problem: string }): GatewayError {
  return new GatewayError('rpc/header_mismatch', { detail: mismatch.problem, data: { mismatch } });
}
