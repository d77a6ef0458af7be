import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { listen } from '../../harness/listen.js';
import { type KnownKeys, verifySignature } from './verify-signature.js';

export interface CheckedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** Why it was refused; undefined: its signature was right. */
  readonly refusal: string | undefined;
}

/** Stands before an MCP server and lets through only what is signed; `redirects` lead from a path elsewhere. */
export async function startSignatureGate(
  target: string,
  keys: () => KnownKeys,
  region: string,
  service: string,
  redirects: Readonly<Record<string, string>> = {},
) {
  const requests: CheckedRequest[] = [];
  const { hostname, port, pathname } = new URL(target);
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const refusal = verifySignature(request, body, keys(), { region, service });
    const { method = '', url: path = '', headers } = request;
    requests.push({ method, path, headers, refusal });
    if (refusal !== undefined) {
      response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify({ message: refusal }));
      return;
    }
    const elsewhere = redirects[path];
    if (elsewhere !== undefined) {
      response.writeHead(307, { location: elsewhere }).end();
      return;
    }
    // What is behind it sees nothing of the signature.
    const rest = Object.fromEntries(
      Object.entries(headers).filter(([name]) => name !== 'authorization' && !name.startsWith('x-amz-')),
    );
    const onward = httpRequest({ hostname, port, path: pathname, method, headers: rest });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    response.once('close', () => onward.destroy());
    onward.end(body);
  };
  const gate = await listen(createServer((request, response) => void handle(request, response)));
  return { ...gate, requests };
}

export interface AssumedRole {
  readonly action: string;
  readonly roleArn: string;
  readonly sessionName: string;
  readonly signedBy: string | undefined;
  readonly webIdentityToken: string | undefined;
}

/** An STS that hands out keys of its own, and knows them afterwards. */
export async function startSts(sources: KnownKeys, region: string, lastSeconds: () => number) {
  const issued = new Map(sources);
  const assumed: AssumedRole[] = [];
  let refusal: string | undefined;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const form = new URLSearchParams(body);
    const isSigned = form.get('Action') === 'AssumeRole';
    const problem = isSigned ? verifySignature(request, body, sources, { region, service: 'sts' }) : undefined;
    assumed.push({
      action: form.get('Action') ?? '',
      roleArn: form.get('RoleArn') ?? '',
      sessionName: form.get('RoleSessionName') ?? '',
      signedBy: /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1],
      webIdentityToken: form.get('WebIdentityToken') ?? undefined,
    });
    response.setHeader('content-type', 'text/xml');
    if (problem !== undefined || refusal !== undefined || form.get('Version') !== '2011-06-15') {
      response.statusCode = 403;
      const message = `${problem ?? ''} User arn:aws:iam::1:user/x is not authorized`;
      response.end(
        `<ErrorResponse><Error><Type>Sender</Type><Code>${refusal ?? 'SignatureDoesNotMatch'}</Code><Message>${message}</Message></Error></ErrorResponse>`,
      );
      return;
    }
    const count = assumed.length;
    issued.set(`ASIA${count}`, { secret: `assumed<secret>&${count}`, token: `session+token/${count}==` });
    response.end(`<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
      <AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/mcp/x</Arn></AssumedRoleUser>
        <Credentials><AccessKeyId>ASIA${count}</AccessKeyId><SecretAccessKey>assumed&lt;secret&gt;&amp;${count}</SecretAccessKey>
          <SessionToken>session+token/${count}==</SessionToken>
          <Expiration>${new Date(Date.now() + lastSeconds() * 1_000).toISOString()}</Expiration></Credentials>
      </AssumeRoleResult></AssumeRoleResponse>`);
  };
  const server = await listen(createServer((request, response) => void answer(request, response)));
  return {
    ...server,
    /** Sources and everything that was handed out. */
    keys: (): KnownKeys => issued,
    assumed,
    refuse: (code: string | undefined) => void (refusal = code),
  };
}
