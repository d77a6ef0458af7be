import { Module } from '@nestjs/common';
import { UpstreamProbe } from './probe.js';
import { UpstreamModule } from './upstream.module.js';

/** Trying servers that are not registered. */
@Module({ imports: [UpstreamModule], providers: [UpstreamProbe], exports: [UpstreamProbe] })
export class ProbeModule {}
