import { SetMetadata } from '@nestjs/common';

export const PUBLIC_ROUTE = 'gatehouse:public-route';

/** The route answers without a credential. Everything not marked demands one. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(PUBLIC_ROUTE, true);
