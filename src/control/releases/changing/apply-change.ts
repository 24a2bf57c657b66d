import type { LineRecord, ReleaseChange } from '../../../core/records/index.ts';
import type { ReleaseView } from '../line-contents.ts';

/** What the book holds once versions and line of a change are written. Rollouts and experiments are not followed. */
export function applyChange(view: ReleaseView, change: ReleaseChange): ReleaseView {
  const { addVersion, removeVersion, line } = change;
  const isRemoved = ({ model, version }: { readonly model: string; readonly version: string }) =>
    removeVersion !== undefined && model === removeVersion.model && version === removeVersion.version;
  return {
    ...view,
    revision: view.revision + 1,
    versions: [...view.versions.filter((record) => !isRemoved(record)), ...(addVersion === undefined ? [] : [addVersion])],
    removed: [...view.removed, ...view.versions.filter(isRemoved)],
    lines: line === undefined ? view.lines : replaceLine(view.lines, line),
  };
}

function replaceLine(lines: readonly LineRecord[], line: LineRecord): readonly LineRecord[] {
  return [...lines.filter(({ model }) => model !== line.model), line];
}
