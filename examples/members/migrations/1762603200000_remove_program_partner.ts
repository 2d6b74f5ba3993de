export { down, up } from '../../../migrations/1762603200000_remove_program_partner.ts'
