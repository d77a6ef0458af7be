// npm run build: what `npm start` does before it starts.
import { main, prepare } from './prepare.mjs';

await main(() => prepare());
