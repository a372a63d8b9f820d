"""Moving data: who has what (`catalog`), what must move (`plan`, pure), moving it (`move`), and the results (`deliver`)."""
