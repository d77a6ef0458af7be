import { flag } from './field-checks.js';
import { Field } from './field-decorators.js';

/** Body of `POST /v1/oauth/signing-keys/rotate`. */
export class SigningKeyRotateDefinition {
  /** The present key is not to be trusted any more: the new one signs at once, and the present one is not shown. */
  @Field(flag)
  immediately?: boolean;
}
