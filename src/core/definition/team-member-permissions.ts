/** Key routes a team may open to its plain members (reference §3.6). */
export const TEAM_MEMBER_PERMISSIONS = [
  '/key/generate',
  '/key/service-account/generate',
  '/key/info',
  '/key/health',
  '/key/list',
  '/key/aliases',
  '/key/update',
  '/key/bulk_update',
  '/key/delete',
  '/key/block',
  '/key/unblock',
  '/key/regenerate',
  '/key/{key_id}/regenerate',
  '/key/{key_id}/reset_spend',
] as const;
