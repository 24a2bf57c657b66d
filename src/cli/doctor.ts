import type { Command } from 'commander';
import type { Config } from '../core/config/index.ts';
import { addConfigFlags, readConfig } from './config-flags.ts';
import {
  checkBook,
  checkDisk,
  checkHome,
  checkLibrary,
  checkMemory,
  checkRuntime,
  checkNpm,
  checkPip,
  checkPort,
  type Finding,
} from './diagnosing/index.ts';
import { listRunning, readDatabaseUrl } from './local/index.ts';
import { cleanLine, writeJson, type Shell } from './terminal/index.ts';

/** `plinth doctor` */
export function registerDoctor(program: Command, shell: Shell): void {
  const doctor = program.command('doctor').description('check that this machine can serve, or say what to do');
  doctor.option('--json', 'as JSON');
  addConfigFlags(doctor, ['home', 'host', 'port', 'managementHost', 'managementPort']);
  doctor.action(async (options: { json?: true }) => {
    const { config, file } = readConfig(doctor, shell);
    const configuration: Finding = {
      name: 'configuration',
      level: 'ok',
      detail: file ?? 'no file; defaults, variables and flags only',
    };
    const findings = [configuration, ...(await examine(config, shell))];
    if (options.json) writeJson(shell, findings);
    else for (const finding of findings) shell.out.write(formatFinding(finding, shell));
    if (findings.some((finding) => finding.level === 'fail')) process.exitCode = 1;
  });
}

async function examine(config: Config, { env }: Shell): Promise<Finding[]> {
  const { home, host, port, grpcPort, managementHost, managementPort } = config;
  const running = listRunning(home);
  const ownerOf = (wanted: number, address: 'url' | 'grpcAddress' | 'managementUrl') => {
    const owner = running.find((serve) => Number(/\d+(?=\/?$)/.exec(serve[address] ?? '')?.[0]) === wanted);
    return owner === undefined ? {} : { owner: owner.pid };
  };
  return Promise.all([
    checkRuntime(),
    checkLibrary(),
    checkHome(home),
    checkDisk(home),
    checkBook(config, () => readDatabaseUrl(config, env)),
    checkMemory(),
    checkPort({ setting: 'port', host, port, ...ownerOf(port, 'url') }),
    checkPort({ setting: 'grpcPort', host, port: grpcPort, ...ownerOf(grpcPort, 'grpcAddress') }),
    checkPort({
      setting: 'managementPort',
      host: managementHost,
      port: managementPort,
      ...ownerOf(managementPort, 'managementUrl'),
    }),
    checkPip(),
    checkNpm(),
  ]);
}

const STYLES = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

function formatFinding({ name, level, detail, advice }: Finding, { out }: Shell): string {
  const line = `${out.paint(STYLES[level], level.padEnd(4))}  ${name.padEnd(16)} ${cleanLine(detail)}\n`;
  return advice === undefined ? line : `${line}${' '.repeat(23)}→ ${cleanLine(advice)}\n`;
}
