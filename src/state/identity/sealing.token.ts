/** Injection token of the `Secret` that sealing keys are derived from (`GatewaySecretsStore.sealingSecret`). */
export const SEALING_SECRET = Symbol('SealingSecret');
