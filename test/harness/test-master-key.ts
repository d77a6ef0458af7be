/** The master key of gateways in tests; looks like nothing else, so that it can be searched for where it must not be. */
export const TEST_MASTER_KEY = 'sk-test-master-canary-7f3e0a94c1d84b52';
