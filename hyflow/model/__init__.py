"""The words of hyflow as frozen values. Knows nothing of CWL documents, sites, disks or clocks; standard library only."""
