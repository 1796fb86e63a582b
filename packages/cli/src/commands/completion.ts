// `tiphys completion SHELL` prints a script that asks the hidden `__complete` command for the words that fit.
import { Argument, Command } from 'commander';
import type { Terminal } from '../terminal.ts';

/** Commands whose arguments are resources of the cluster. */
const ABOUT_RESOURCES = new Set(['get', 'describe', 'delete', 'wait', 'logs', 'exec', 'port-forward']);

const SCRIPTS: Record<string, string> = {
  bash: `_tiphys() {
  local IFS=$'\\n'
  COMPREPLY=($(tiphys __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _tiphys tiphys
`,
  zsh: `#compdef tiphys
_tiphys() {
  local -a words_that_fit
  words_that_fit=("\${(@f)$(tiphys __complete "\${words[@]:1:$((CURRENT - 1))}" 2>/dev/null)}")
  compadd -a words_that_fit
}
compdef _tiphys tiphys
`,
  fish: `function __tiphys_complete
  set -l tokens (commandline -opc) (commandline -ct)
  tiphys __complete $tokens[2..-1] 2>/dev/null
end
complete -c tiphys -f -a '(__tiphys_complete)'
`,
};

/** Commands, flags and fixed arguments that continue the words typed so far; the last word may be half typed. */
export function completions(program: Command, words: readonly string[]): string[] {
  let command = program;
  const typed = words.at(-1) ?? '';
  let position = 0;
  for (const word of words.slice(0, -1)) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next) {
      command = next;
      position = 0;
    } else if (!word.startsWith('-')) position++;
  }
  const previous = words.at(-2) ?? '';
  const flag = command.options.find((option) => option.long === previous || option.short === previous);
  if (flag && (flag.required || flag.optional)) return (flag.argChoices ?? []).filter((choice) => choice.startsWith(typed));
  if (typed.startsWith('-')) {
    return [...command.options.filter((option) => !option.hidden).map((option) => option.long ?? option.short!), '--help'].filter((f) =>
      f.startsWith(typed),
    );
  }
  const subcommands = command.commands.map((candidate) => candidate.name()).filter((name) => !name.startsWith('__'));
  return [...subcommands, ...(command.registeredArguments[position]?.argChoices ?? [])].filter((word) => word.startsWith(typed));
}

export function addCompletionCommand(program: Command, terminal: Terminal): void {
  program
    .command('completion')
    .description('print a completion script, e.g. for bash: source <(tiphys completion bash)')
    .addArgument(new Argument('<shell>', 'shell to complete in').choices(Object.keys(SCRIPTS)))
    .action((shell: string) => terminal.out(SCRIPTS[shell]!));
  program.addCommand(
    new Command('__complete')
      .argument('[words...]')
      .allowUnknownOption()
      .helpOption(false)
      .action(async (words: string[]) => {
        const { createProgram } = await import('../program.ts');
        const found = completions(await createProgram(terminal), words);
        if (ABOUT_RESOURCES.has(words[0] ?? '') && !words.at(-1)!.startsWith('-')) {
          const { resourceCompletions } = await import('../kube/complete.ts');
          found.push(...(await resourceCompletions(words, terminal)));
        }
        terminal.out(found.map((word) => `${word}\n`).join(''));
      }),
    { hidden: true },
  );
}
