// Reads what the container runtime knows of a pod. Ended containers don't change any more, so each is asked for once.
import { open, readFile, stat } from 'node:fs/promises';
import type { CriClient } from '../cri/client.ts';
import { isCriNotFound } from '../cri/errors.ts';
import type { Container, ContainerStatus } from '../cri/generated/cri.ts';
import { ANNOTATIONS, LABELS, type PodRuntime, type RuntimeContainer, runtimeContainer, runtimeSandbox } from './pod-runtime.ts';

export interface RuntimeView {
  podRuntime(podUid: string): Promise<PodRuntime>;
  /** Drops what is remembered about ended containers of a pod. */
  forget(podUid: string): void;
}

/** Upstream's limits for termination messages from files and from logs. */
const MESSAGE_BYTES_MAX = 4096;
const LOG_MESSAGE_BYTES_MAX = 2048;
const LOG_MESSAGE_LINES_MAX = 80;

async function tail(path: string, bytesMax: number): Promise<string> {
  const { size } = await stat(path);
  const file = await open(path, 'r');
  try {
    const length = Math.min(size, bytesMax);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8');
  } finally {
    await file.close();
  }
}

/** Lines of a CRI log: time, stream, tag, text. A partial line (tag P) goes on in the next one. */
function logText(raw: string): string {
  const pieces = raw.split('\n').filter(Boolean);
  const lines = pieces.map((line) => {
    const match = /^\S+ (?:stdout|stderr) ([FP])\S* ?(.*)$/.exec(line);
    return match ? match[2]! + (match[1] === 'F' ? '\n' : '') : '';
  });
  const text = lines.join('').split(/(?<=\n)/);
  return text.slice(-LOG_MESSAGE_LINES_MAX).join('').slice(-LOG_MESSAGE_BYTES_MAX);
}

async function terminationMessage(status: ContainerStatus): Promise<string> {
  const annotations = status.annotations ?? {};
  const file = annotations[ANNOTATIONS.terminationMessageFile];
  const written = file ? (await readFile(file).catch(() => Buffer.alloc(0))).subarray(0, MESSAGE_BYTES_MAX).toString('utf8') : '';
  const fallback = annotations[ANNOTATIONS.terminationMessagePolicy] === 'FallbackToLogsOnError';
  if (written !== '' || !fallback || !status.exitCode || !status.logPath) return written;
  // Twice the bytes, because each line of the log carries a time that the message does not.
  return tail(status.logPath, LOG_MESSAGE_LINES_MAX * 64 + 2 * LOG_MESSAGE_BYTES_MAX).then(logText, () => '');
}

export function runtimeView(cri: CriClient): RuntimeView {
  const ended = new Map<string, Map<string, RuntimeContainer>>();

  const describe = async (podUid: string, container: Container): Promise<RuntimeContainer | undefined> => {
    const known = ended.get(podUid)?.get(container.id!);
    if (known) return known;
    try {
      const { status } = await cri.containerStatus(container.id!);
      if (!status) return undefined;
      const exited = (status.state ?? 0) === 2;
      const described = runtimeContainer(status, container.podSandboxId ?? '', exited ? await terminationMessage(status) : '');
      if (exited) {
        const forPod = ended.get(podUid) ?? new Map<string, RuntimeContainer>();
        ended.set(podUid, forPod.set(described.id, described));
      }
      return described;
    } catch (error) {
      if (isCriNotFound(error)) return undefined;
      throw error;
    }
  };
  return {
    podRuntime: async (podUid) => {
      const labelSelector = { [LABELS.podUid]: podUid };
      const [sandboxes, containers] = await Promise.all([cri.listPodSandbox({ labelSelector }), cri.listContainers({ labelSelector })]);
      const [sandboxStatuses, described] = await Promise.all([
        Promise.all(
          sandboxes.map((sandbox) =>
            cri.podSandboxStatus(sandbox.id!).catch((error) => {
              if (isCriNotFound(error)) return { status: undefined };
              throw error;
            }),
          ),
        ),
        Promise.all(containers.map((container) => describe(podUid, container))),
      ]);
      return {
        sandboxes: sandboxStatuses
          .flatMap(({ status }) => (status ? [runtimeSandbox(status)] : []))
          .sort((a, b) => b.attempt - a.attempt || b.createdAtMs - a.createdAtMs),
        containers: described
          .filter((container): container is RuntimeContainer => container !== undefined)
          .sort((a, b) => b.restartCount - a.restartCount || b.createdAtMs - a.createdAtMs),
      };
    },
    forget: (podUid) => void ended.delete(podUid),
  };
}
