// Writes generated/onnx_pb.ts from onnx.proto: node packages/onnx-tools/generate.mjs. Run it after the schema has changed.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const template = {
  version: 'v2',
  plugins: [
    {
      local: 'protoc-gen-es',
      out: 'generated',
      opt: ['target=ts', 'import_extension=ts', 'erasable_syntax=true', 'json_types=false'],
    },
  ],
};
const { status, error } = spawnSync(
  'npx',
  [
    '--yes',
    '--package=@bufbuild/buf@1.75.0',
    '--package=@bufbuild/protoc-gen-es@2.17.0',
    'buf',
    'generate',
    '--template',
    JSON.stringify(template),
    '--path',
    'onnx.proto',
  ],
  { cwd: folder, stdio: 'inherit' },
);
if (error !== undefined) throw error;
process.exit(status ?? 1);
