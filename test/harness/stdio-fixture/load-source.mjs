import { existsSync } from 'node:fs';
import { registerHooks } from 'node:module';

/** `node --import` this to run a script on our TypeScript as it stands: relative imports name the `.js` of the build. */
registerHooks({
  resolve(specifier, context, next) {
    if (/^\.{1,2}\/.*\.js$/.test(specifier) && context.parentURL !== undefined) {
      const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
      if (source.protocol === 'file:' && !source.pathname.includes('/node_modules/') && existsSync(source)) {
        return next(source.href, context);
      }
    }
    return next(specifier, context);
  },
});
