import { Module } from '@nestjs/common';
import { RegistryModule } from '../../../state/registry/registry.module.js';
import { AdminAuthModule } from '../auth/admin-auth.module.js';
import { ToolsetController } from './toolset.controller.js';
import { ToolsetService } from './toolset.service.js';

/** Toolsets over REST. */
@Module({
  imports: [AdminAuthModule, RegistryModule],
  controllers: [ToolsetController],
  providers: [ToolsetService],
})
export class ToolsetModule {}
