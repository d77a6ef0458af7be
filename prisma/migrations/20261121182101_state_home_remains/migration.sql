-- AlterTable
ALTER TABLE "state_home" ADD COLUMN     "remains" TEXT;
