// Lets plain Node (24 or newer) import the TypeScript of this repository: it strips the types itself, and this maps
// `./x.js`, the name of the built file, to the `./x.ts` that is there before a build. No decorators that way.
import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts')) {
      const source = `${specifier.slice(0, -3)}.ts`;
      if (existsSync(fileURLToPath(new URL(source, context.parentURL)))) return next(source, context);
    }
    return next(specifier, context);
  },
});
