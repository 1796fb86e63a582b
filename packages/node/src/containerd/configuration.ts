// The configuration of our own containerd as text, for version 1.x (configuration 2) and 2.x (configuration 3). Pure.
import { join } from 'node:path';

export const SANDBOX_IMAGE = 'tiphys.local/pause:1';

export interface ContainerdSettings {
  /** The data folder; everything containerd keeps lies below it. */
  directory: string;
  snapshotter: 'overlayfs' | 'native';
  cniConfigurationDirectory: string;
  cniBinaryDirectories: readonly string[];
  /** Without CAP_SYS_RESOURCE a negative oom_score_adj is refused by the kernel. */
  restrictOomScoreAdjust: boolean;
  disableApparmor: boolean;
  /** Such as `hosts.toml` folders for registries; empty for none. */
  registryConfigurationDirectory?: string;
}

export interface ContainerdPaths {
  root: string;
  state: string;
  socket: string;
  configuration: string;
  pidFile: string;
  log: string;
}

export function containerdPaths(directory: string): ContainerdPaths {
  const base = join(directory, 'containerd');
  return {
    root: join(base, 'root'),
    state: join(base, 'state'),
    socket: join(base, 'containerd.sock'),
    configuration: join(base, 'config.toml'),
    pidFile: join(base, 'containerd.pid'),
    log: join(base, 'containerd.log'),
  };
}

const text = (value: string) => JSON.stringify(value);
const list = (values: readonly string[]) => `[${values.map(text).join(', ')}]`;

/** containerd 2 finds shims below /run/containerd unless told otherwise; its sockets stay there by hash in both versions. */
export function containerdConfiguration(settings: ContainerdSettings, majorVersion: number): string {
  const paths = containerdPaths(settings.directory);
  const head = [
    `version = ${majorVersion >= 2 ? 3 : 2}`,
    `root = ${text(paths.root)}`,
    `state = ${text(paths.state)}`,
    'oom_score = 0',
    'disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing", "io.containerd.nri.v1.nri"]',
    '[grpc]',
    `  address = ${text(paths.socket)}`,
    '[ttrpc]',
    `  address = ${text(`${paths.socket}.ttrpc`)}`,
    '[debug]',
    '  level = "warn"',
  ];
  return `${[...head, ...(majorVersion >= 2 ? criVersion3(settings) : criVersion2(settings))].join('\n')}\n`;
}

function criVersion2(settings: ContainerdSettings): string[] {
  return [
    '[plugins."io.containerd.grpc.v1.cri"]',
    `  sandbox_image = ${text(SANDBOX_IMAGE)}`,
    `  restrict_oom_score_adj = ${settings.restrictOomScoreAdjust}`,
    `  disable_apparmor = ${settings.disableApparmor}`,
    '  enable_unprivileged_ports = true',
    '  enable_unprivileged_icmp = true',
    '  tolerate_missing_hugetlb_controller = true',
    '  disable_hugetlb_controller = true',
    '  stream_server_address = "127.0.0.1"',
    '  stream_server_port = "0"',
    '  [plugins."io.containerd.grpc.v1.cri".containerd]',
    `    snapshotter = ${text(settings.snapshotter)}`,
    '    default_runtime_name = "runc"',
    '    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]',
    '      runtime_type = "io.containerd.runc.v2"',
    '      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]',
    '        SystemdCgroup = false',
    '  [plugins."io.containerd.grpc.v1.cri".cni]',
    `    bin_dir = ${text(settings.cniBinaryDirectories[0] ?? '/usr/lib/cni')}`,
    `    conf_dir = ${text(settings.cniConfigurationDirectory)}`,
    ...(settings.registryConfigurationDirectory
      ? ['  [plugins."io.containerd.grpc.v1.cri".registry]', `    config_path = ${text(settings.registryConfigurationDirectory)}`]
      : []),
  ];
}

function criVersion3(settings: ContainerdSettings): string[] {
  return [
    "[plugins.'io.containerd.cri.v1.images']",
    `  snapshotter = ${text(settings.snapshotter)}`,
    "  [plugins.'io.containerd.cri.v1.images'.pinned_images]",
    `    sandbox = ${text(SANDBOX_IMAGE)}`,
    ...(settings.registryConfigurationDirectory
      ? ["  [plugins.'io.containerd.cri.v1.images'.registry]", `    config_path = ${text(settings.registryConfigurationDirectory)}`]
      : []),
    "[plugins.'io.containerd.cri.v1.runtime']",
    `  restrict_oom_score_adj = ${settings.restrictOomScoreAdjust}`,
    `  disable_apparmor = ${settings.disableApparmor}`,
    '  enable_unprivileged_ports = true',
    '  enable_unprivileged_icmp = true',
    '  tolerate_missing_hugetlb_controller = true',
    '  disable_hugetlb_controller = true',
    "  [plugins.'io.containerd.cri.v1.runtime'.containerd]",
    '    default_runtime_name = "runc"',
    "    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]",
    '      runtime_type = "io.containerd.runc.v2"',
    "      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]",
    '        SystemdCgroup = false',
    "  [plugins.'io.containerd.cri.v1.runtime'.cni]",
    `    bin_dirs = ${list(settings.cniBinaryDirectories)}`,
    `    conf_dir = ${text(settings.cniConfigurationDirectory)}`,
  ];
}
