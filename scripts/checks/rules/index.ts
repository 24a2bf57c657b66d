import type { Rule } from '../rule.ts';
import { bannedNames } from './banned-names.ts';
import { docComments } from './doc-comments.ts';
import { docLinks } from './doc-links.ts';
import { doors } from './doors.ts';
import { fileSizes } from './file-sizes.ts';
import { floatingPromises } from './floating-promises.ts';
import { folderShape } from './folder-shape.ts';
import { forbiddenWords } from './forbidden-words.ts';
import { functionSizes } from './function-sizes.ts';
import { importCycles } from './import-cycles.ts';
import { pureChoices } from './pure-choices.ts';
import { roomImports } from './room-imports.ts';
import { stageImports } from './stage-imports.ts';
import { strictTypes } from './strict-types.ts';
import { testTitles } from './test-titles.ts';
import { unusedExports } from './unused-exports.ts';

/** Every law of the house, in the order of the report. */
export const houseRules: readonly Rule[] = [
  roomImports,
  stageImports,
  doors,
  importCycles,
  fileSizes,
  functionSizes,
  strictTypes,
  floatingPromises,
  folderShape,
  bannedNames,
  pureChoices,
  unusedExports,
  docComments,
  testTitles,
  forbiddenWords,
  docLinks,
];
