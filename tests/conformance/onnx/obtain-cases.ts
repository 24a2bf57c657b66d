import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { preparePython } from '../../support/python.ts';

/** The package with the cases, and the runtime that they are checked against, in the version that the product uses. */
const PACKAGES = { name: 'venv-onnx', requirements: ['onnx==1.22.0', 'onnxruntime==1.30.0', 'numpy==2.2.6'] };

/** Groups of cases that come with their models and data. */
const GROUPS = ['node', 'simple', 'pytorch-operator', 'pytorch-converted'];

/** A Python that has the packages onnx and onnxruntime. */
export function prepareOnnxPython(): Promise<string> {
  return preparePython(PACKAGES);
}

/** Where the package onnx keeps its cases. */
export function findPackagedCases(python: string): string {
  const program = 'import onnx, os; print(os.path.dirname(onnx.__file__))';
  const folder = execFileSync(python, ['-c', program], { encoding: 'utf8' }).trim();
  return join(folder, 'backend', 'test', 'data');
}

/** Folders of all cases below a folder of data, group by group; Debian's /usr/share/libonnx-testdata/data is laid out alike. */
export function listCaseFolders(data: string): string[] {
  return GROUPS.flatMap((group) => {
    const folder = join(data, group);
    if (!existsSync(folder)) return [];
    const names = readdirSync(folder).toSorted();
    return names.map((name) => join(folder, name)).filter((path) => existsSync(join(path, 'model.onnx')));
  });
}
