import { matchesGlob, relative, sep } from 'node:path';

/**
 * ESLint rule: a package named by a law may be imported only in the files that law allows. `packages` and `allowed` are
 * globs; `allowed` is relative to `root`. Covers static and dynamic imports, re-exports and types alike.
 */
export const packageLaw = {
  meta: {
    type: 'problem',
    schema: [
      {
        type: 'object',
        properties: {
          root: { type: 'string' },
          laws: {
            type: 'array',
            items: {
              type: 'object',
              properties: {
                packages: { type: 'array', items: { type: 'string' } },
                allowed: { type: 'array', items: { type: 'string' } },
                message: { type: 'string' },
              },
              required: ['packages', 'allowed', 'message'],
              additionalProperties: false,
            },
          },
        },
        required: ['root', 'laws'],
        additionalProperties: false,
      },
    ],
    messages: { forbidden: '"{{source}}" may not be imported here. {{message}}' },
  },
  create(context) {
    const [{ root, laws }] = context.options;
    const file = relative(root, context.filename).split(sep).join('/');
    const applicable = laws.filter((law) => !law.allowed.some((glob) => matchesGlob(file, glob)));
    if (applicable.length === 0) return {};

    const check = (node) => {
      const source = node?.value;
      if (typeof source !== 'string') return;
      for (const law of applicable) {
        if (
          law.packages.some((glob) => source === glob || matchesGlob(source, glob) || matchesGlob(source, `${glob}/**`))
        ) {
          context.report({ node, messageId: 'forbidden', data: { source, message: law.message } });
        }
      }
    };
    return {
      ImportDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
      TSImportType: (node) => check(node.source ?? node.argument?.literal),
      TSExternalModuleReference: (node) => check(node.expression),
    };
  },
};
