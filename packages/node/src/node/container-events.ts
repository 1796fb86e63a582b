// Learns of containers' ends as they happen: from CRI's events where the runtime has them (containerd 1.7 and later), else from
// containerd's own event service on the same socket. Never by asking in a loop (pkg/kubelet/pleg is the other way).
import type { Runtime } from '@tiphys/runtime';
import { codec } from '@tiphys/std';
import { openChannel } from '../cri/channel.ts';
import type { CriClient } from '../cri/client.ts';
import { CriError, GrpcCode } from '../cri/errors.ts';
import { containerdMessages, type Envelope, type TaskExit } from '../cri/generated/containerd.ts';
import { LABELS } from '../pod-worker/pod-runtime.ts';

export interface ContainerEventsOptions {
  cri: CriClient;
  socket: string;
  runtime: Runtime;
  /** Something about a pod's containers changed; the uid when it is known, else the container's id. */
  onPod: (uid: string) => void;
  onContainer: (id: string) => void;
  /** Events may have been missed. */
  onGap: () => void;
}

const RETRY_MS = 200;
const NAMESPACE = 'k8s.io';
const messages = codec(containerdMessages);
const TOPICS = ['topic=="/tasks/exit"', 'topic=="/tasks/oom"'];

async function followCri({ cri, onPod, onGap }: ContainerEventsOptions, signal: AbortSignal): Promise<void> {
  onGap();
  await cri.containerEvents({
    signal,
    onMessage: (event) => {
      const uid = event.podSandboxStatus?.metadata?.uid ?? event.podSandboxStatus?.labels?.[LABELS.podUid];
      if (uid) onPod(uid);
    },
  });
}

async function followContainerd({ socket, runtime, onContainer, onGap }: ContainerEventsOptions, signal: AbortSignal): Promise<void> {
  const channel = openChannel(socket, runtime.clock, NAMESPACE);
  try {
    onGap();
    const request: [string, object] = ['SubscribeRequest', { filters: TOPICS }];
    await channel.stream<Envelope>(messages, '/containerd.services.events.v1.Events/Subscribe', request, 'Envelope', {
      signal,
      onMessage: ({ event }) => {
        if (!event?.value) return;
        const { containerId, id } = messages.decode<TaskExit>('TaskExit', event.value);
        // An exec's end is reported with the same topic but another id.
        if (containerId && (!id || id === containerId)) onContainer(containerId);
      },
    });
  } finally {
    channel.close();
  }
}

/** Follows until stopped; goes on after containerd was away. */
export function followContainers(options: ContainerEventsOptions): { stop(): Promise<void> } {
  const stop = new AbortController();
  const { clock, log } = options.runtime;
  let hasCriEvents = true;
  const run = async () => {
    while (!stop.signal.aborted) {
      try {
        // While it is away there is nothing to look at: every pod would complain, again and again.
        await options.cri.version();
        await (hasCriEvents ? followCri : followContainerd)(options, stop.signal);
      } catch (error) {
        if (error instanceof CriError && error.code === GrpcCode.UNIMPLEMENTED) {
          hasCriEvents = false;
          continue;
        }
        log.debug('the stream of container events broke', { error: String(error) });
      }
      await clock.sleep(RETRY_MS, stop.signal).catch(() => {});
    }
  };
  const running = run();
  return {
    stop: async () => {
      stop.abort();
      await running;
    },
  };
}
