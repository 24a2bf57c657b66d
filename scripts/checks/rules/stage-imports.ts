import type { Rule } from '../rule.ts';

/** Core is the floor: its folders build on each other. The command line has verbs, no stages. */
const ROOMS_WITH_STAGES = new Set(['gateway', 'worker', 'control', 'optimize']);

/** What drives several stages knows them, as a room's own files do; it has a folder because it takes several files. */
const DRIVERS = new Set(['worker/generating', 'worker/batching', 'control/hosting', 'control/rollouts']);

/** Sibling stages never import each other; only a room's own files know several. */
export const stageImports: Rule = {
  name: 'stage-imports',
  check: (tree) =>
    [...tree.sources.values()].flatMap((file) => {
      const own = stageOf(file.path);
      if (own === undefined || DRIVERS.has(`${own.room}/${own.stage}`)) return [];
      return file.imports.flatMap((edge) => {
        const other = edge.target === undefined ? undefined : stageOf(edge.target);
        if (other === undefined || other.room !== own.room || other.stage === own.stage) return [];
        return [
          {
            file: file.path,
            line: edge.line,
            problem: `stage ${own.room}/${own.stage} imports its sibling ${other.stage} (${edge.specifier})`,
            remedy: `declare the small interface that ${own.stage} needs and let a file of the room itself pass it in`,
          },
        ];
      });
    }),
};

interface Stage {
  readonly room: string;
  readonly stage: string;
}

function stageOf(path: string): Stage | undefined {
  const [top, room = '', stage = '', ...rest] = path.split('/');
  return top === 'src' && ROOMS_WITH_STAGES.has(room) && rest.length > 0 ? { room, stage } : undefined;
}
