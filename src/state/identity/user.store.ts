import { Injectable } from '@nestjs/common';
import type { Principal } from '../../core/model/principal.js';
import { ControlWriter } from '../../platform/database/control-writer.js';

/** Users that come to be because an identity provider knows them (`user_id_upsert`). */
@Injectable()
export class UserStore {
  readonly #writer: ControlWriter;

  constructor(writer: ControlWriter) {
    this.#writer = writer;
  }

  /** Makes the user unless there is one by now. @throws GatewayError `database/unavailable`. */
  async makeSure(id: string, email: string | undefined, actor: Principal): Promise<void> {
    await this.#writer.write(actor, async ({ tx, changed, audit }) => {
      // Addresses are kept in lower case: that is how they are looked for.
      const data = { id, email: email?.toLowerCase() ?? null, role: 'internal_user' };
      const { count } = await tx.userAccount.createMany({ data: [data], skipDuplicates: true });
      if (count === 0) return;
      changed('user', id);
      audit({ action: 'created', objectKind: 'user', objectId: id, after: { user_id: id, user_email: data.email } });
    });
  }
}
