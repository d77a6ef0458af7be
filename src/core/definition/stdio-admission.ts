import type { Origin } from '../model/server-entry.js';

/** Variables that make an allowed command run something else: search paths, preloads and options of interpreters. */
const HIJACKING_VARIABLE =
  /^(PATH|IFS|ENV|BASH_ENV|SHELLOPTS|LD_.*|DYLD_.*|NODE_OPTIONS|NODE_PATH|NODE_EXTRA_CA_CERTS|NPM_CONFIG_.*|PYTHON.*|PERL5.*|RUBY(OPT|LIB)|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|GCONV_PATH|GIT_SSH.*|DOCKER_HOST|UV_.*|PIP_.*|DENO_.*)$/i;

/** `general_settings.stdio`, as far as it is about admission. */
export interface StdioAdmission {
  readonly enabled: boolean;
  readonly allowedCommands: readonly string[];
}

/** As far as admission looks at a server; a compiled entry is one. */
export interface StdioCandidate {
  readonly origin: Origin;
  readonly endpoint:
    | { readonly kind: 'http' }
    | { readonly kind: 'stdio'; readonly command: string; readonly env: Readonly<Record<string, unknown>> };
}

/**
 * Why a server that came by REST may not run as a process here; undefined when it may, is no process, or is the file's own.
 * Asked when it is written, when it is loaded, and when its child is started. Allowed commands are compared by exact name:
 * a path, a trailing space or another case is another command. An allowed interpreter still runs what its arguments say;
 * this is a fence around mistakes, and administrators are trusted with the rest.
 */
export function stdioRefusal({ endpoint, origin }: StdioCandidate, settings: StdioAdmission): string | undefined {
  if (origin === 'file' || endpoint.kind !== 'stdio') return undefined;
  if (!settings.enabled) return 'stdio servers by REST are off: set general_settings.stdio.enabled';
  if (!settings.allowedCommands.includes(endpoint.command)) {
    return `the command is not one of general_settings.stdio.allowed_commands (${settings.allowedCommands.join(', ')})`;
  }
  const hijacking = Object.keys(endpoint.env).filter((name) => HIJACKING_VARIABLE.test(name));
  return hijacking.length === 0 ? undefined : `env may not set ${hijacking.join(', ')}`;
}
