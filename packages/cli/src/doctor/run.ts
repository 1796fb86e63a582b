// `tiphys doctor`: the findings on the machine and on its network, the failures last to be seen.
import { styleText } from 'node:util';
import { DEFAULT_CONFIGURATION, dataFolder, runningOn } from '@tiphys/cluster';
import { type Finding, networkFacts, networkFindings } from '@tiphys/network';
import { chosenDataDir } from '../data-dir.ts';
import { PlainFailure, type Terminal } from '../terminal.ts';
import { machineFacts } from './facts.ts';
import { machineFindings } from './findings.ts';

const BRIDGE = 'tiphys0';

export function reportText(findings: readonly Finding[], quiet: boolean, terminal: Terminal): string {
  const paint = (style: 'green' | 'yellow' | 'red', text: string) => (terminal.stdout.isTTY ? styleText(style, text) : text);
  const line = ({ ok, severity, name, text, fix }: Finding) => {
    const mark = ok ? paint('green', '✓') : severity === 'fail' ? paint('red', '✗') : paint('yellow', '!');
    return `${mark} ${name}: ${text}\n${fix ? `    fix: ${fix}\n` : ''}`;
  };
  return findings
    .filter(({ ok }) => !(ok && quiet))
    .map(line)
    .join('');
}

export async function runDoctor(options: { dataDir?: string; quiet?: boolean }, terminal: Terminal): Promise<void> {
  const dataDir = chosenDataDir(options, terminal);
  const { port, kubeletPort, podCidr, serviceCidr } = DEFAULT_CONFIGURATION;
  // A cluster of this folder that runs has the ports for itself.
  const ports = runningOn(dataFolder(dataDir)) ? [] : [port, kubeletPort];
  const [machine, network] = await Promise.all([machineFacts(dataDir, ports), networkFacts(BRIDGE, dataDir)]);
  const findings = [...machineFindings(machine), ...networkFindings(network, { podCidr, serviceCidr, bridge: BRIDGE })];
  terminal.out(reportText(findings, options.quiet ?? false, terminal));
  const failed = findings.filter(({ ok, severity }) => !ok && severity === 'fail').length;
  if (failed > 0)
    throw new PlainFailure(
      `\n${failed} ${failed === 1 ? 'thing keeps' : 'things keep'} this machine from running real containers. tiphys up --runtime simulated works without them.`,
      1,
    );
  terminal.out('This machine can run real containers.\n');
}
