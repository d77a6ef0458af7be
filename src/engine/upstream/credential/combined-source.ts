import type { ServerEntry } from '../../../core/model/server-entry.js';
import type { CredentialHeaders, CredentialRefusal, CredentialSource, SourcedCredential } from './credential-source.js';

type Variables = Readonly<Record<string, string>>;

/** Several sources as one, later ones win; what the server's `static_headers` say, no source says. */
export class CombinedSource implements CredentialSource {
  readonly env?: () => Variables | Promise<Variables>;
  readonly sign: CredentialSource['sign'];
  readonly #sources: readonly CredentialSource[];
  readonly #static: ReadonlySet<string>;
  #said: readonly CredentialHeaders[] = [];
  #merged: CredentialHeaders = {};

  /** The only one itself where there is nothing to combine. */
  static of(parts: readonly SourcedCredential[], staticHeaders: ServerEntry['staticHeaders']): CredentialSource {
    const [only] = parts;
    if (only !== undefined && parts.length === 1 && staticHeaders.length === 0) return only.source;
    return new CombinedSource(
      parts.map(({ source }) => source),
      new Set(staticHeaders.map(([name]) => name.toLowerCase())),
    );
  }

  private constructor(sources: readonly CredentialSource[], overridden: ReadonlySet<string>) {
    this.#sources = sources;
    this.#static = overridden;
    this.sign = sources.find(({ sign }) => sign !== undefined)?.sign;
    if (sources.some((source) => source.env !== undefined)) this.env = () => this.#environment();
  }

  headers(): CredentialHeaders | Promise<CredentialHeaders> {
    const said = this.#sources.map((source) => source.headers());
    if (!said.some((each) => each instanceof Promise)) return this.#merge(said as readonly CredentialHeaders[]);
    return Promise.all(said.map(async (each) => each)).then((all) => this.#merge(all));
  }

  async refused(sent: CredentialHeaders, refusal: CredentialRefusal): Promise<boolean> {
    const answers = await Promise.all(this.#sources.map((source) => source.refused(sent, refusal)));
    return answers.includes(true);
  }

  async #environment(): Promise<Variables> {
    const all = await Promise.all(this.#sources.map(async (source) => source.env?.()));
    return Object.assign({}, ...all) as Variables;
  }

  #merge(said: readonly CredentialHeaders[]): CredentialHeaders {
    const isOld = said.length === this.#said.length && said.every((each, index) => each === this.#said[index]);
    if (isOld) return this.#merged;
    const pairs = said.flatMap((each) => Object.entries(each)).filter(([name]) => !this.#static.has(name));
    this.#said = said;
    this.#merged = Object.fromEntries(pairs);
    return this.#merged;
  }
}
