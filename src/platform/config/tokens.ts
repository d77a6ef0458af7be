/**
 * Injection tokens of the settings slices: a room asks for the slice it needs (`@Inject(LIMITS) limits: Limits`), never
 * for all settings.
 */
export const SETTINGS = Symbol('Settings');
export const LIMITS = Symbol('Limits');
export const LISTEN_SETTINGS = Symbol('ListenSettings');
export const CONFIG_FILE_SETTINGS = Symbol('ConfigFileSettings');
export const DATABASE_SETTINGS = Symbol('DatabaseSettings');
export const SECURITY_SETTINGS = Symbol('SecuritySettings');
export const DOOR_SETTINGS = Symbol('DoorSettings');
export const STDIO_SETTINGS = Symbol('StdioSettings');
export const LOG_SETTINGS = Symbol('LogSettings');
export const JWT_SETTINGS = Symbol('JwtSettings');
export const OAUTH_SETTINGS = Symbol('OAuthSettings');
export const USAGE_SETTINGS = Symbol('UsageSettings');
export const REGISTRY_SETTINGS = Symbol('RegistrySettings');
export const AWS_SETTINGS = Symbol('AwsSettings');
export const IDENTITY_SETTINGS = Symbol('IdentitySettings');
/** `DeclaredSource`: the servers the file declares. */
export const DECLARED_SOURCE = Symbol('DeclaredSource');
