import type { Secret } from '../model/secret.js';
import { secretText, text } from './field-checks.js';
import { Field, toSecret } from './field-decorators.js';

/** Signing of upstream requests with AWS Signature Version 4, `auth_type: aws_sigv4` (reference §5.11). */
export abstract class ServerAwsFields {
  @Field(secretText, toSecret)
  aws_access_key_id?: Secret;

  @Field(secretText, toSecret)
  aws_secret_access_key?: Secret;

  @Field(secretText, toSecret)
  aws_session_token?: Secret;

  @Field(text)
  aws_region_name?: string;

  /** Default `bedrock-agentcore`. */
  @Field(text)
  aws_service_name?: string;

  /** Role taken on (STS AssumeRole) before signing. */
  @Field(text)
  aws_role_name?: string;

  @Field(text)
  aws_session_name?: string;
}
