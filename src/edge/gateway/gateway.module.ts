import { Module } from '@nestjs/common';
import { CatalogModule } from '../../engine/catalog/catalog.module.js';
import { SessionModule } from '../../engine/session/session.module.js';
import { UpstreamModule } from '../../engine/upstream/upstream.module.js';
import { PublicAddress } from '../../platform/http/public-address.js';
import { UserCredentialModule } from '../../state/credential/user-credential.module.js';
import { IdentityModule } from '../../state/identity/identity.module.js';
import { RegistryModule } from '../../state/registry/registry.module.js';
import { ReplicaModule } from '../../state/replica/replica.module.js';
import { UsageModule } from '../../state/usage/usage.module.js';
import { Dispatcher } from './dispatcher.js';
import { FrontDoor } from './front-door.js';
import { LegacySseDoor } from './legacy-sse-door.js';
import { ListChangeNotices } from './list-change-notices.js';
import { ModernDoor } from './modern-door.js';
import { ListenStreams } from './modern-listen-streams.js';
import { ModernListener } from './modern-listener.js';
import { ModernOwners } from './modern-owners.js';
import { ParkedCalls } from './modern-parked-calls.js';
import { TaskWatches } from './modern-task-watches.js';
import { LongCalls } from './long-calls.js';
import { PeerPass } from './peer-pass.js';
import { PeerRelay } from './peer-relay.js';
import { PendingVisits } from './pending-visits.js';
import { PrincipalOwners } from './principal-owners.js';
import { RestDoor } from './rest-door.js';
import { ServeAtHome } from './serve-at-home.js';
import { SessionRouter } from './session-router.js';
import { StreamableDoor } from './streamable-door.js';
import { OfferCallers } from './offer-callers.js';
import { UpstreamSignIn } from './upstream-sign-in.js';

/** The data plane's doors. */
@Module({
  imports: [
    IdentityModule,
    RegistryModule,
    ReplicaModule,
    UsageModule,
    UserCredentialModule,
    UpstreamModule,
    CatalogModule,
    SessionModule,
  ],
  providers: [
    Dispatcher,
    FrontDoor,
    LegacySseDoor,
    ListChangeNotices,
    LongCalls,
    ListenStreams,
    ModernDoor,
    ModernListener,
    ModernOwners,
    ParkedCalls,
    PeerPass,
    PeerRelay,
    PendingVisits,
    PrincipalOwners,
    PublicAddress,
    RestDoor,
    ServeAtHome,
    SessionRouter,
    StreamableDoor,
    TaskWatches,
    OfferCallers,
    UpstreamSignIn,
  ],
  exports: [FrontDoor, Dispatcher],
})
export class GatewayModule {}
