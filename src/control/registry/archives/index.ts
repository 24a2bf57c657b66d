export { openTarMember } from './tar-member.ts';
export { openZipMember, type ArchiveMember } from './zip-member.ts';
