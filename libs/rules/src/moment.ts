import { utc, type Moment } from '@rapport/sdk/time';

/** For what does not depend on the moment. */
export const anyTime: Moment = { at: 0, zone: utc };
