# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# As hmem, with an IOMMU and a PCI device behind it that no driver wants: for VFIO.

soft_reserved 2
qemu+=(-device intel-iommu -device pci-testdev)
append+=" intel_iommu=on vfio_iommu_type1.allow_unsafe_interrupts=1 iommufd.allow_unsafe_interrupts=1"
