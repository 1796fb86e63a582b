// The figures of this process under the names that every Prometheus client gives them, and of the build.
import { readdirSync, readFileSync } from 'node:fs';
import { type Family, observed } from './family.ts';
import { FEATURES } from './features.ts';

const CLOCK_TICKS_PER_SECOND = 100;

/** undefined where the system has no /proc. */
function proc<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function openFiles(): number | undefined {
  return proc(() => readdirSync('/proc/self/fd').length);
}

function filesMax(): number | undefined {
  return proc(() => Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Number.NaN));
}

/** Virtual memory in bytes, and when the process started in seconds since the system did. */
function stat(): { virtualBytes: number; startSeconds: number } | undefined {
  return proc(() => {
    const text = readFileSync('/proc/self/stat', 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const bootSeconds = Number(/^btime (\d+)/m.exec(readFileSync('/proc/stat', 'utf8'))![1]);
    return { virtualBytes: Number(fields[20]), startSeconds: bootSeconds + Number(fields[19]) / CLOCK_TICKS_PER_SECOND };
  });
}

const single = (name: string, help: string, read: () => number | undefined, type: 'counter' | 'gauge' = 'gauge'): Family =>
  observed(
    { name, help },
    () => {
      const value = read();
      return value === undefined || Number.isNaN(value) ? [] : [[[], value]];
    },
    type,
  );

export function processFamilies(version: Readonly<Record<string, string>>): Family[] {
  const build = ['build_date', 'compiler', 'git_commit', 'git_tree_state', 'git_version', 'go_version', 'major', 'minor', 'platform'];
  const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return [
    single(
      'process_cpu_seconds_total',
      'Total user and system CPU time spent in seconds.',
      () => {
        const { user, system } = process.cpuUsage();
        return (user + system) / 1e6;
      },
      'counter',
    ),
    single('process_resident_memory_bytes', 'Resident memory size in bytes.', () => process.memoryUsage.rss()),
    single('process_virtual_memory_bytes', 'Virtual memory size in bytes.', () => stat()?.virtualBytes),
    single('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', () => stat()?.startSeconds),
    single('process_open_fds', 'Number of open file descriptors.', openFiles),
    single('process_max_fds', 'Maximum number of open file descriptors.', filesMax),
    observed(
      {
        name: 'kubernetes_build_info',
        help: "A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
        labels: build,
      },
      () => [[build.map((name) => version[camel(name)] ?? ''), 1]],
    ),
    observed(
      {
        name: 'kubernetes_feature_enabled',
        help: '[BETA] This metric records the data about the stage and enablement of a k8s feature.',
        labels: ['name', 'stage'],
      },
      () => FEATURES.flatMap(({ stage, enabled, names }) => names.split(' ').map((name) => [[name, stage], enabled ? 1 : 0] as const)),
    ),
  ];
}
