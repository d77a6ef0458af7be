import { takeRefusedHosts } from './loopback-only.mjs';

afterEach(() => {
  const refused = takeRefusedHosts();
  if (refused.length > 0) throw new Error(`This test tried to reach ${refused.join(', ')}`);
});
