/** Signing in to a server cannot begin or go on. The message is for people: it completes "the server …" and holds no secret. */
export class SignInProblem extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SignInProblem';
  }
}
