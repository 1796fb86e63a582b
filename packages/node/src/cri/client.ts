// The Container Runtime Interface, v1, as the node uses it (k8s.io/cri-api pkg/apis/runtime/v1/api.proto).
import type { Clock } from '@tiphys/runtime';
import { codec } from '@tiphys/std';
import { type Channel, openChannel, type StreamOptions } from './channel.ts';
import type * as cri from './generated/cri.ts';
import { type ContainerEventResponse, criMessages } from './generated/cri.ts';

/** Upstream's --runtime-request-timeout. */
const CALL_TIMEOUT_MS = 120_000;
const messages = codec(criMessages);

export interface CriClient {
  version(): Promise<cri.VersionResponse>;
  status(): Promise<cri.StatusResponse>;
  runPodSandbox(request: cri.RunPodSandboxRequest): Promise<string>;
  stopPodSandbox(podSandboxId: string): Promise<void>;
  removePodSandbox(podSandboxId: string): Promise<void>;
  podSandboxStatus(podSandboxId: string, verbose?: boolean): Promise<cri.PodSandboxStatusResponse>;
  listPodSandbox(filter?: cri.PodSandboxFilter): Promise<cri.PodSandbox[]>;
  createContainer(request: cri.CreateContainerRequest): Promise<string>;
  startContainer(containerId: string): Promise<void>;
  stopContainer(containerId: string, timeoutSeconds: number): Promise<void>;
  removeContainer(containerId: string): Promise<void>;
  listContainers(filter?: cri.ContainerFilter): Promise<cri.Container[]>;
  containerStatus(containerId: string, verbose?: boolean): Promise<cri.ContainerStatusResponse>;
  updateContainerResources(request: cri.UpdateContainerResourcesRequest): Promise<void>;
  reopenContainerLog(containerId: string): Promise<void>;
  execSync(containerId: string, command: readonly string[], timeoutSeconds: number): Promise<cri.ExecSyncResponse>;
  /** Each answers with a URL of the runtime's streaming server. */
  exec(request: cri.ExecRequest): Promise<string>;
  attach(request: cri.AttachRequest): Promise<string>;
  portForward(request: cri.PortForwardRequest): Promise<string>;
  listContainerStats(filter?: cri.ContainerStatsFilter): Promise<cri.ContainerStats[]>;
  listPodSandboxStats(filter?: cri.PodSandboxStatsFilter): Promise<cri.PodSandboxStats[]>;
  updateRuntimeConfig(podCidr: string): Promise<void>;
  runtimeConfig(): Promise<cri.RuntimeConfigResponse>;
  containerEvents(options: StreamOptions<ContainerEventResponse>): Promise<void>;
  listImages(): Promise<cri.Image[]>;
  /** Undefined when the image is not there. */
  imageStatus(image: string): Promise<cri.Image | undefined>;
  pullImage(request: cri.PullImageRequest): Promise<string>;
  removeImage(image: string): Promise<void>;
  imageFsInfo(): Promise<cri.ImageFsInfoResponse>;
  ready(timeoutMs: number): Promise<void>;
  close(): void;
}

function caller(channel: Channel, service: 'RuntimeService' | 'ImageService') {
  return <T>(method: string, request: object = {}, timeoutMs = CALL_TIMEOUT_MS): Promise<T> => {
    const shape = method === 'GetContainerEvents' ? 'GetEvents' : method;
    return channel.call<T>(messages, `/runtime.v1.${service}/${method}`, [`${shape}Request`, request], `${shape}Response`, timeoutMs);
  };
}

/** `timeoutSeconds` of a graceful stop comes on top of the time for the call itself. */
export function criClient(socket: string, clock: Clock): CriClient {
  const channel = openChannel(socket, clock);
  const runtime = caller(channel, 'RuntimeService');
  const images = caller(channel, 'ImageService');
  return {
    version: () => runtime('Version', { version: '0.1.0' }),
    status: () => runtime('Status', {}),
    runPodSandbox: async (request) =>
      (await runtime<cri.RunPodSandboxResponse>('RunPodSandbox', request, 2 * CALL_TIMEOUT_MS)).podSandboxId!,
    stopPodSandbox: (podSandboxId) => runtime('StopPodSandbox', { podSandboxId }),
    removePodSandbox: (podSandboxId) => runtime('RemovePodSandbox', { podSandboxId }),
    podSandboxStatus: (podSandboxId, verbose = false) => runtime('PodSandboxStatus', { podSandboxId, verbose }),
    listPodSandbox: async (filter) => (await runtime<cri.ListPodSandboxResponse>('ListPodSandbox', { filter })).items ?? [],
    createContainer: async (request) => (await runtime<cri.CreateContainerResponse>('CreateContainer', request)).containerId!,
    startContainer: (containerId) => runtime('StartContainer', { containerId }),
    stopContainer: (containerId, timeoutSeconds) =>
      runtime('StopContainer', { containerId, timeout: timeoutSeconds }, CALL_TIMEOUT_MS + timeoutSeconds * 1000),
    removeContainer: (containerId) => runtime('RemoveContainer', { containerId }),
    listContainers: async (filter) => (await runtime<cri.ListContainersResponse>('ListContainers', { filter })).containers ?? [],
    containerStatus: (containerId, verbose = false) => runtime('ContainerStatus', { containerId, verbose }),
    updateContainerResources: (request) => runtime('UpdateContainerResources', request),
    reopenContainerLog: (containerId) => runtime('ReopenContainerLog', { containerId }),
    execSync: (containerId, command, timeoutSeconds) =>
      runtime(
        'ExecSync',
        { containerId, cmd: command, timeout: timeoutSeconds },
        timeoutSeconds === 0 ? 0 : CALL_TIMEOUT_MS + timeoutSeconds * 1000,
      ),
    exec: async (request) => (await runtime<cri.ExecResponse>('Exec', request)).url!,
    attach: async (request) => (await runtime<cri.AttachResponse>('Attach', request)).url!,
    portForward: async (request) => (await runtime<cri.PortForwardResponse>('PortForward', request)).url!,
    listContainerStats: async (filter) => (await runtime<cri.ListContainerStatsResponse>('ListContainerStats', { filter })).stats ?? [],
    listPodSandboxStats: async (filter) => (await runtime<cri.ListPodSandboxStatsResponse>('ListPodSandboxStats', { filter })).stats ?? [],
    updateRuntimeConfig: (podCidr) => runtime('UpdateRuntimeConfig', { runtimeConfig: { networkConfig: { podCidr } } }),
    runtimeConfig: () => runtime('RuntimeConfig', {}),
    containerEvents: (options) =>
      channel.stream(
        messages,
        '/runtime.v1.RuntimeService/GetContainerEvents',
        ['GetEventsRequest', {}],
        'ContainerEventResponse',
        options,
      ),
    listImages: async () => (await images<cri.ListImagesResponse>('ListImages', {})).images ?? [],
    imageStatus: async (image) => (await images<cri.ImageStatusResponse>('ImageStatus', { image: { image } })).image,
    // A pull has no deadline of its own: the runtime ends one that makes no progress.
    pullImage: async (request) => (await images<cri.PullImageResponse>('PullImage', request, 0)).imageRef!,
    removeImage: (image) => images('RemoveImage', { image: { image } }),
    imageFsInfo: () => images('ImageFsInfo', {}),
    ready: (timeoutMs) => channel.ready(timeoutMs),
    close: () => channel.close(),
  };
}
