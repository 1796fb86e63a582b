import { type Clock, realClock } from './clock.ts';
import { type Logger, silentLogger } from './log.ts';
import { type Random, realRandom } from './random.ts';

export { type Clock, keepAlive, realClock, type Timer, type VirtualClock, virtualClock } from './clock.ts';
export { type Logger, type LoggerOptions, type LogValues, logger, silentLogger } from './log.ts';
export { type Random, realRandom, seededRandom } from './random.ts';
export { SpdyClient, type SpdyStream, type SpdyStreamEvents } from './spdy.ts';

/** What every long-lived part receives at construction. */
export interface Runtime {
  clock: Clock;
  random: Random;
  log: Logger;
}

export function realRuntime(log: Logger = silentLogger): Runtime {
  return { clock: realClock(), random: realRandom(), log };
}
