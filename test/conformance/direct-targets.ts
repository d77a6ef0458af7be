import { startFixture, type Era } from './fixture/start-fixture.js';
import type { TargetGroup } from './target.js';

const ERAS: readonly (readonly [name: string, era: Era])[] = [
  ['direct', 'dual'],
  ['direct, legacy only', 'legacy'],
  ['direct, modern only', 'modern'],
];

/** The fixture itself, in each of its eras: what it does not pass, nothing in front of it can. */
export async function directTargets(): Promise<TargetGroup> {
  const fixtures = await Promise.all(
    ERAS.map(async ([name, era]) => ({ name, era, fixture: await startFixture({ era }) })),
  );
  return {
    targets: fixtures.map(({ name, era, fixture }) => ({ leg: 'server', name, era, url: fixture.url })),
    async close() {
      await Promise.all(fixtures.map(({ fixture }) => fixture.close()));
    },
  };
}
