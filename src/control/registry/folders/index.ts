export { chooseFiles, type CandidateFile, type ChosenFile } from './choose-files.ts';
export { chooseTask } from './choose-task.ts';
export { listFolder } from './list-folder.ts';
export { buildFolder, digestFiles, isBuilt, type FolderFile } from './model-folder.ts';
