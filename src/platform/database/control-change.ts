/** What a write of the control plane was about: who keeps something of it in memory goes by this. */
export type ChangeKind =
  | 'registry'
  | 'key'
  | 'team'
  | 'organization'
  | 'user'
  | 'end_user'
  | 'setting'
  | 'user_credential'
  | 'oauth_grant'
  | 'relay_grant'
  | 'signing_key';

/** One committed write, as every replica hears of it. */
export interface ControlChange {
  /** Grows with every change, in the order of commits. */
  readonly revision: bigint;
  readonly kind: ChangeKind;
  /** Id of the row: a server or toolset or group (`registry`), the key's id, the team's id, `<user>/<server>` (`user_credential`)… */
  readonly subjectId: string;
}

/** The Postgres channel of the hints. Their payload is the revision; nothing of it is believed but that there is news. */
export const CHANGE_CHANNEL = 'gatehouse_change';
