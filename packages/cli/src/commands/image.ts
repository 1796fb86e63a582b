// `tiphys image`: images of this machine's cluster, from files, OCI folders, Docker, or packed here.
import type { Command } from 'commander';
import { withDataDir } from '../data-dir.ts';
import { collect } from '../kube/session.ts';
import type { Terminal } from '../terminal.ts';

const EXAMPLES = `
Examples:
  tiphys image load web.tar                        a file that docker save, podman save or image pack -o made
  tiphys image load docker:web:1.0                 from the Docker of this machine (or where DOCKER_HOST says)
  tiphys image load ./layout --name shop/web:1     the folder of an OCI layout that has no name
  tiphys image pack shop/web:1 --base scratch --copy ./server:/server --with-libraries --entrypoint /server
  tiphys image list
`;

export function addImageCommand(program: Command, terminal: Terminal): void {
  const image = program
    .command('image')
    .description("load, list and make the images of this machine's cluster")
    .addHelpText('after', EXAMPLES);
  withDataDir(image.command('load'), terminal)
    .description('load images into the cluster')
    .argument('<source...>', 'a file (plain, gzip or zstd), the folder of an OCI layout, or docker:NAME')
    .option('--name <name>', 'what the image is called, where its archive does not say it')
    .action(async (sources: string[], options) => {
      const { runLoad } = await import('../images.ts');
      await runLoad(sources, options, terminal);
    });
  withDataDir(image.command('list'), terminal)
    .alias('ls')
    .description('list the images that the cluster has')
    .option('-o, --output <format>', 'json, or name')
    .action(async (options) => {
      const { runList } = await import('../images.ts');
      await runList(options, terminal);
    });
  withDataDir(image.command('pack'), terminal)
    .description('make an image from files, without Docker or a registry')
    .argument('<name>', 'name of the image, such as shop/web:1')
    .option('--base <image>', 'image to build on, which the cluster has; scratch for none', 'scratch')
    .option('--copy <src:dst>', 'a file or folder of this machine and its place in the image; may be repeated', collect)
    .option('--with-libraries', 'with the shared libraries that copied programs need')
    .option('--entrypoint <word>', 'what the container runs; repeat it for arguments, or give a JSON array', collect)
    .option('--cmd <word>', 'arguments that pods may replace; may be repeated, or a JSON array', collect)
    .option('--env <name=value>', 'environment variable; may be repeated', collect)
    .option('--user <user[:group]>', 'user to run as')
    .option('--workdir <folder>', 'working folder')
    .option('-o, --output <file>', 'write an OCI archive instead of loading it into the cluster')
    .action(async (name: string, options) => {
      const { runPack } = await import('../images.ts');
      await runPack(name, options, terminal);
    });
}
