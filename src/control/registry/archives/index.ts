export type { ListedMember } from './listed-member.ts';
export { listTar, openTarMember } from './tar-member.ts';
export { listZip, openZipMember, type ArchiveMember } from './zip-member.ts';
