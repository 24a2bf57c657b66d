// Writes src/gateway/protocols/grpc/generated/ from proto/: node scripts/generate-proto.mjs. Run it after a .proto file has changed.
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const out = fileURLToPath(new URL('../src/gateway/protocols/grpc/generated', import.meta.url));
const template = {
  version: 'v2',
  plugins: [
    {
      local: 'protoc-gen-es',
      out,
      opt: ['target=ts', 'import_extension=ts', 'erasable_syntax=true', 'json_types=false'],
    },
  ],
};
const packages = ['@bufbuild/buf@1.75.0', '@bufbuild/protoc-gen-es@2.17.0'].map((name) => `--package=${name}`);
rmSync(out, { recursive: true, force: true });
const { status, error } = spawnSync('npx', ['--yes', ...packages, 'buf', 'generate', '--template', JSON.stringify(template)], {
  cwd: fileURLToPath(new URL('../proto', import.meta.url)),
  stdio: 'inherit',
});
if (error !== undefined) throw error;
if (status !== 0) process.exit(status ?? 1);
const files = readdirSync(out).toSorted();
writeFileSync(join(out, 'index.ts'), files.map((file) => `export * from './${file}';\n`).join(''));
