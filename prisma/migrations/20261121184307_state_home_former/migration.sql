-- AlterTable
ALTER TABLE "state_home" ADD COLUMN     "former" TEXT;

-- CreateIndex: whether something was taken from a place
CREATE INDEX "state_home_former_idx" ON "state_home"("former");
