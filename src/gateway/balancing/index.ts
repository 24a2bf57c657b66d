export { createBalance, type Balance, type BalanceOptions, type Reachability } from './balance.ts';
