// Follows the objects of one resource inside the server: what is there, then every change, over ends of its watch.
import { type KubeObject, pathOf, type ResourceType, type WatchEvent } from '@tiphys/api';
import type { ApiHandler } from '@tiphys/machinery';
import type { ResourceReader } from '@tiphys/registry';
import type { Clock } from '@tiphys/runtime';
import { LOOPBACK_USER } from './loopback.ts';

export interface FollowOptions {
  handler: ApiHandler;
  reader: ResourceReader;
  clock: Clock;
}

/** Resolves when `onObjects` has been told of all that is there. Returns a stop function. */
export async function follow<T extends KubeObject>(
  { handler, reader, clock }: FollowOptions,
  type: ResourceType<T>,
  onObjects: (objects: readonly T[]) => void,
): Promise<() => void> {
  let stopped = false;
  let stopWatch = () => {};
  const onEvents = (events: readonly WatchEvent[]) => {
    onObjects(events.filter((event) => event.type !== 'ERROR' && event.type !== 'BOOKMARK').map(({ object }) => object as T));
  };
  const begin = async () => {
    const response = await handler.handle({ method: 'GET', url: `${pathOf(type)}?watch=true`, headers: {}, user: LOOPBACK_USER });
    if (response.body.kind !== 'watch') throw new Error(`watching ${type.resource} answered ${response.status}`);
    const onEnd = () => {
      if (!stopped) clock.after(0, () => void begin());
    };
    stopWatch = response.body.watch.subscribe(onEvents, onEnd);
    if (stopped) stopWatch();
    onObjects(reader.list(type));
  };
  await begin();
  return () => {
    stopped = true;
    stopWatch();
  };
}
