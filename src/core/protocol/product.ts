/** How the gateway names itself, to clients and to upstreams. The version is that of package.json. */
export const PRODUCT = Object.freeze({ name: 'gatehouse', title: 'Gatehouse', version: '0.1.0' });
