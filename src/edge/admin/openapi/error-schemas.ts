/** The three shapes in which the control plane tells errors (contract §10, reference §3). */
export const ERROR_SCHEMAS = {
  DetailError: {
    type: 'object',
    required: ['detail'],
    properties: {
      detail: {
        type: 'object',
        required: ['error'],
        properties: {
          error: { type: 'string' },
          code: { type: 'string', description: 'from docs/errors.md' },
          data: { type: 'object' },
          call_id: { type: 'string', description: 'of a bug: where to look in the log' },
        },
      },
    },
  },
  OpenAiError: {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['message', 'type', 'param', 'code'],
        properties: {
          message: { type: 'string' },
          type: { type: 'string' },
          param: { type: ['string', 'null'] },
          code: { type: 'string', description: 'the status' },
          error_code: { type: 'string', description: 'from docs/errors.md' },
          call_id: { type: 'string', description: 'of a bug: where to look in the log' },
        },
      },
    },
  },
  ValidationError: {
    type: 'object',
    required: ['detail'],
    properties: {
      detail: {
        type: 'array',
        items: {
          type: 'object',
          required: ['loc', 'msg', 'type'],
          properties: {
            loc: { type: 'array', items: { type: ['string', 'integer'] } },
            msg: { type: 'string' },
            type: { type: 'string' },
          },
        },
      },
    },
  },
} as const;

export type ErrorSchemaName = keyof typeof ERROR_SCHEMAS;

/** A response of this shape. */
export function errorResponse(description: string, shape: ErrorSchemaName) {
  return {
    description,
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${shape}` } } },
  };
}
